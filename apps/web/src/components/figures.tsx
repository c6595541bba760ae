import type { ComponentChildren } from 'preact';

/** One number that matters, with its unit and where it comes from. */
export function Figure(props: { name: string; value: string | null; unit?: string; note?: ComponentChildren }) {
  const { name, value, unit, note } = props;
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <span class="figure-value">
          {value ?? <span aria-label="not known yet">–</span>}
          {value !== null && unit !== undefined && <span class="figure-unit">{unit}</span>}
        </span>
      </dd>
      {note !== undefined && <dd class="figure-note">{note}</dd>}
    </div>
  );
}

export function Figures({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <dl class="figures" aria-label={label}>
      {children}
    </dl>
  );
}
