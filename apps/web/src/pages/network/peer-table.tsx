import { useSignal } from '@preact/signals';
import { Icon } from '../../components/icon.tsx';
import { useNow } from '../../components/use-now.ts';
import { engineWords, shortPeer } from '../../format/names.ts';
import { formatRate } from '../../format/numbers.ts';
import { formatAgo } from '../../format/time.ts';
import { servesWords, sortRows } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';
import type { Signal } from '@preact/signals';
import type { PeerColumn, PeerOrder, PeerRow } from '../../state/peer-rows.ts';

const COLUMNS: readonly { column: PeerColumn; words: string; numeric?: boolean }[] = [
  { column: 'peer', words: 'Peer' },
  { column: 'models', words: 'Serves' },
  { column: 'busy', words: 'Busy', numeric: true },
  { column: 'tokensPerSecond', words: 'Tokens/s', numeric: true },
  { column: 'kind', words: 'Kind' },
  { column: 'lastSeenMs', words: 'Heard', numeric: true },
];

/** The same as the picture, for those who prefer reading; every column sorts. */
export function PeerTable({ rows, selected }: { rows: readonly PeerRow[]; selected: Signal<string | null> }) {
  const order = useSignal<PeerOrder>({ column: 'busy', descending: true });
  const now = useNow(1_000);
  const catalog = useSite().relay.bootstrap.value?.catalog ?? [];
  const sort = (column: PeerColumn, numeric: boolean) => {
    const { value } = order;
    order.value = { column, descending: value.column === column ? !value.descending : numeric };
  };
  return (
    <div class="table-scroll" role="region" aria-label="Peers" tabIndex={0}>
      <table class="table peers">
        <thead>
          <tr>
            {COLUMNS.map(({ column, words, numeric = false }) => {
              const active = order.value.column === column;
              const direction = order.value.descending ? 'descending' : 'ascending';
              return (
                <th
                  key={column}
                  scope="col"
                  data-numeric={numeric || undefined}
                  aria-sort={active ? direction : 'none'}
                >
                  <button class="sort" onClick={() => sort(column, numeric)}>
                    {words}
                    <span class="sort-mark" data-active={active}>
                      <Icon name={active && !order.value.descending ? 'up' : 'down'} size={14} />
                    </span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sortRows(rows, order.value).map((row) => (
            <tr key={row.peer} data-chosen={selected.value === row.peer}>
              <th scope="row">
                <button class="link mono" title={row.peer} onClick={() => (selected.value = row.peer)}>
                  {shortPeer(row.peer)}
                </button>{' '}
                {row.self && <span class="tag">this tab</span>}{' '}
                {row.state !== 'serving' && (
                  <span class="tag" data-tone="warning">
                    {row.state}
                  </span>
                )}
              </th>
              <td>
                {servesWords(row, catalog) || <span class="soft">nothing yet</span>}
                {row.engine !== null && <span class="soft">, {engineWords(row.engine)}</span>}
              </td>
              <td data-numeric>
                {row.busy} of {row.slots}
                {row.queued > 0 && `, ${row.queued} waiting`}
              </td>
              <td data-numeric>{formatRate(row.tokensPerSecond)}</td>
              <td>{row.kind}</td>
              <td data-numeric>{formatAgo(row.lastSeenMs, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
