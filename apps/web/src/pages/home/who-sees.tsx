const ROWS = [
  { who: 'The relay', sees: 'Your question and the answer as they pass, and your network address.' },
  {
    who: 'The peer that computes',
    sees: 'Your question and its answer; so does the next one if it is lost midway. Not your address.',
  },
  { who: 'Other peers', sees: 'Nothing of it.' },
  { who: 'This browser', sees: 'Keeps your conversations. They are stored nowhere else by this site.' },
  { who: 'If this tab has the model', sees: 'It answers you itself, and nobody else sees anything.' },
] as const;

/** Who can read a prompt, said before anyone writes one. */
export function WhoSees() {
  return (
    <section aria-labelledby="sees">
      <h2 id="sees">Who can read what you write</h2>
      <p class="soft lead">
        Peers are strangers. Do not send what a stranger must not read, unless your own tab answers.
      </p>
      <dl class="sees">
        {ROWS.map(({ who, sees }) => (
          <div key={who}>
            <dt>{who}</dt>
            <dd>{sees}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
