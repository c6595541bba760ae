import { TIER_TABLE, clusterName, entryTier, qualify } from '@opengateway/core';
import { Icon } from '../../components/icon.tsx';
import { isOn } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { ModelLine } from './model-line.tsx';
import { ANSWER_WORDS, CAPABILITIES, examplesOf, hasWords, isMet, neededWords, tierAnswer } from './tier-words.ts';
import type { Signal } from '@preact/signals';
import type { CapabilityProfile, CatalogEntry, Tier, TierVerdict } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

const COLUMNS = CAPABILITIES.length + 2;

/** Every tier with what it asks for, whether this device has it and why not, and the relay's models of that tier. */
export function TierTable(props: {
  profile: CapabilityProfile;
  probe: DeviceProbe;
  catalog: readonly CatalogEntry[];
  selected: string | null;
  chosen: Signal<string | null>;
}) {
  const { profile, catalog } = props;
  return (
    // Roles in words: laid out in blocks on a phone, a table is none to some screen readers.
    <table class="tiers" role="table" aria-label="Tiers">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Tier
          </th>
          {CAPABILITIES.map(({ name, words }) => (
            <th key={name} role="columnheader" scope="col">
              {words}
            </th>
          ))}
          <th role="columnheader" scope="col">
            This device
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        <OwnRow profile={profile} />
        {qualify(profile).map((verdict) => (
          <TierRows
            key={verdict.tier}
            {...props}
            verdict={verdict}
            models={catalog.filter((entry) => entryTier(entry) === verdict.tier)}
          />
        ))}
      </tbody>
    </table>
  );
}

function OwnRow({ profile }: { profile: CapabilityProfile }) {
  return (
    <tr role="row" class="tiers-own">
      <th role="rowheader" scope="row">
        This device has
      </th>
      {CAPABILITIES.map(({ name, words }) => (
        <td key={name} role="cell" data-label={words} data-testid={`has-${name}`}>
          {hasWords(profile, name)} {profile[name] !== null && <span class="tag">{profile[name].source}</span>}
        </td>
      ))}
      <td role="cell" />
    </tr>
  );
}

function TierRows(props: {
  verdict: TierVerdict;
  models: readonly CatalogEntry[];
  probe: DeviceProbe;
  selected: string | null;
  chosen: Signal<string | null>;
}) {
  const { verdict, models, probe, selected, chosen } = props;
  const { tier, reasons, advice } = verdict;
  const answer = tierAnswer(verdict);
  return (
    <>
      <tr role="row" class="tier" data-testid="tier" data-tier={tier} data-answer={answer}>
        <th role="rowheader" scope="row">
          <strong>{TIER_TABLE[tier].name}</strong>
          <span class="soft small">{examplesOf(verdict)}</span>
        </th>
        {CAPABILITIES.map(({ name, words }) => (
          <td key={name} role="cell" data-label={words} data-met={isMet(verdict, name) ?? undefined}>
            {neededWords(verdict, name)}
            {isMet(verdict, name) === false && <Icon name="close" size={14} />}
          </td>
        ))}
        <td role="cell" class="tier-verdict">
          <span class="tag" data-tone={ANSWER_WORDS[answer].tone} data-testid="tier-answer">
            {ANSWER_WORDS[answer].words}
          </span>
          {reasons.length > 0 && <span data-testid="tier-reasons">{reasons.join('; ')}</span>}
          {advice.length > 0 && <span class="soft small">{advice.join('; ')}</span>}
          <Cluster tier={tier} />
        </td>
      </tr>
      {models.length > 0 && (
        <tr role="row" class="tier-models">
          <td role="cell" colSpan={COLUMNS}>
            {models.map((entry) => (
              <ModelLine
                key={entry.id}
                entry={entry}
                probe={probe}
                isFirst={entry.id === selected}
                onFirst={() => (chosen.value = entry.id)}
              />
            ))}
          </td>
        </tr>
      )}
    </>
  );
}

/** The cluster that this tab announces itself in for a tier, while it does. */
function Cluster({ tier }: { tier: Tier }) {
  const { contribute, node, region } = useSite();
  const snapshot = contribute.snapshot.value;
  const own = node.peers.value.find(({ self }) => self);
  const view = region.view.value;
  if (view === null || !isOn(snapshot) || own === undefined || !own.tiers.includes(tier)) return null;
  return (
    <span class="small" data-testid="cluster">
      joined <span class="mono">{clusterName(view.region, tier)}</span>
    </span>
  );
}
