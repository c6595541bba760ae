export async function createSiteNode(..._: unknown[]): Promise<never> {
  throw new Error('The network part is not built in yet.');
}
