import { ModelNotFoundError } from '@opengateway/core';
import { Hono } from 'hono';
import { AUTO_MODEL } from '../catalog.ts';
import type { Model, ModelList } from '@opengateway/core';
import type { CatalogModel } from '../catalog.ts';

/**
 * `GET /v1/models` and `/v1/models/:id`: what this relay's catalogue offers, and last `auto`, so that it can be
 * chosen wherever models are.
 */
export function modelsV1(catalog: readonly CatalogModel[]): Hono {
  const named = catalog.map(toModel);
  const created = Math.max(0, ...named.map((model) => model.created));
  const auto: Model = { id: AUTO_MODEL, object: 'model', created, owned_by: 'opengateway' };
  const models = named.length === 0 ? [] : [...named, auto];
  return new Hono()
    .get('/', (c) => c.json({ object: 'list', data: models } satisfies ModelList))
    .get('/:id', (c) => {
      const model = models.find(({ id }) => id === c.req.param('id'));
      if (model === undefined) throw new ModelNotFoundError(c.req.param('id'));
      return c.json(model);
    });
}

const toModel = ({ entry, manifest, createdSeconds }: CatalogModel): Model => ({
  id: entry.id,
  object: 'model',
  created: createdSeconds,
  owned_by: manifest.license.author ?? 'opengateway',
});
