import { createMemoryStore } from './memory.ts';
import { weightsStoreContract } from './weights-store.contract.ts';

weightsStoreContract('createMemoryStore', async () => ({ store: createMemoryStore(), dispose: async () => {} }));
