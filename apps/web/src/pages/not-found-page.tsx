/** An address this site does not have. */
export function NotFoundPage() {
  return (
    <div class="page">
      <div class="page-head">
        <h1>There is no such page</h1>
        <p>The address may be mistyped or from an older version of this site.</p>
      </div>
      <div class="row">
        <a class="button button-primary" href="/chat">
          Chat
        </a>
        <a class="button" href="/">
          Start page
        </a>
      </div>
    </div>
  );
}
