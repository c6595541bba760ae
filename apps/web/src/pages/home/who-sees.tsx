const ROWS = [
  {
    who: 'The relay',
    sees: 'Your question and the answer as they pass, and your network address. Not the question where you choose “Direct” in the chat.',
  },
  {
    who: 'The peers that compute',
    sees: 'Your question and its answer; so does the next one if a peer is lost midway. Your network address only where you choose “Direct”.',
  },
  {
    who: 'Other peers',
    sees: 'Nothing of it. If your tab lends, those that compute together with it see its network address.',
  },
  { who: 'This browser', sees: 'Keeps your conversations. They are stored nowhere else by this site.' },
  { who: 'If this tab has the whole model', sees: 'It answers you itself, and nobody else sees anything.' },
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
