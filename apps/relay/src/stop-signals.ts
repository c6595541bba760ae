/** Calls `stop` at the first SIGTERM or SIGINT and ends the process at the second. */
export function onStopSignals(stop: () => Promise<void>): void {
  let asked = false;
  const handle = (): void => {
    if (asked) process.exit(1);
    asked = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}
