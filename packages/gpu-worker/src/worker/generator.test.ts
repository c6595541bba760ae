import { FakeEngine } from '../testing/index.ts';
import { generatorContract } from './generator.contract.ts';

for (const maxSequences of [1, 8]) {
  generatorContract({
    name: `an engine of ${maxSequences} ${maxSequences === 1 ? 'place' : 'places'}`,
    async create() {
      let broken = false;
      const engine = new FakeEngine({
        maxSequences,
        onForward: () => {
          if (broken) throw new Error('unreachable');
        },
      });
      return {
        engine,
        logitsAfter: (tokens) => engine.logitsAfter(tokens),
        breakSteps: (value) => {
          broken = value;
        },
      };
    },
  });
}
