/** What a Node worker thread is given at its start. */
export interface NodeWorkerData {
  /** Node's ports are event targets as those of browsers are, so both ends need no adapter. */
  readonly port: MessagePort;
  readonly storeDirectory?: string;
}
