import { expectedLoadMs } from './expected-finish.ts';
import type { PlannedRoute, RejectionReason, RoutePlan } from './types.ts';

/** Why a plan is as it is, in short plain sentences for people: the route, its cost, and who is not in it. */
export function explainPlan(plan: RoutePlan): readonly string[] {
  const route = plan.route === undefined ? whyNone(plan) : whyThis(plan.route);
  return [...route, ...whyNot(plan)];
}

function whyThis(route: PlannedRoute): string[] {
  const [first] = route.stages;
  const { stages, expectedTokenMs } = route;
  if (stages.length === 1 && first !== undefined) {
    const who = first.local ? 'This device' : `Peer ${first.peer}`;
    const loadMs = expectedLoadMs(first.served);
    return [
      ...(loadMs === 0
        ? [`${who} holds the whole model and is expected to finish first.`]
        : [
            `${who} has the whole model on disk and is expected to finish first, though it loads it before it answers.`,
            `${rounded(loadMs / 1_000)} s of loading expected.`,
          ]),
      `${rounded(expectedTokenMs)} ms per token expected.`,
    ];
  }
  const computeMs = stages.reduce((sum, stage) => sum + stage.expectedTokenMs, 0);
  const parts = stages.map(({ peer, layers, local }) => {
    const who = local ? 'this device' : peer;
    return `layers ${layers.start} to ${layers.end - 1} on ${who}`;
  });
  return [
    `No peer able to take this request now holds the whole model: ${stages.length} peers compute a part each.`,
    `The fastest chain: ${parts.join(', ')}.`,
    `${rounded(expectedTokenMs)} ms per token expected: ${rounded(computeMs)} ms of computing and ` +
      `${rounded(expectedTokenMs - computeMs)} ms between peers.`,
    'Splitting a model makes room for it in memory; it does not make an answer faster.',
  ];
}

function whyNone({ reason, missing }: RoutePlan): string[] {
  if (reason === 'full')
    return ['Every chain of peers that holds this model has a full peer in it: the request waits.'];
  if (reason === 'no-chain') return ['Peers hold all layers of this model, but no chain of them can be made.'];
  const layers = missing.map(({ start, end }) => `${start} to ${end - 1}`);
  return [`No peer able to take this request holds layers ${layers.join(', ')}.`];
}

function whyNot({ rejections }: RoutePlan): string[] {
  const byReason = Map.groupBy(rejections, ({ reason }) => reason);
  return REASONS.flatMap((reason) => {
    const count = byReason.get(reason)?.length ?? 0;
    if (count === 0) return [];
    const [one, many] = IN_WORDS[reason];
    return [count === 1 ? `1 peer ${one}.` : `${count} peers ${many}.`];
  });
}

/** For one peer and for several. */
const IN_WORDS = {
  full: ['is full', 'are full'],
  excluded: ['failed this request before', 'failed this request before'],
  unreachable: ['cannot be reached', 'cannot be reached'],
  'not-serving': ['takes no requests now', 'take no requests now'],
  'context-too-short': ['has no room for a prompt of this length', 'have no room for a prompt of this length'],
  'no-neighbour': [
    'holds layers that meet no other peer’s at one end',
    'hold layers that meet no other peer’s at one end',
  ],
  'too-many-stages': ['fits only into a chain that is too long', 'fit only into chains that are too long'],
  'hop-too-slow': [
    'has no direct way to its neighbours that is fast enough',
    'have no direct way to their neighbours that is fast enough',
  ],
  'part-of-model': ['holds only a part of the model', 'hold only a part of the model'],
  'part-on-disk': ['has its part of the model on disk only', 'have their parts of the model on disk only'],
  'model-not-served': ['serves other models', 'serve other models'],
} satisfies Record<RejectionReason, readonly [string, string]>;

const REASONS = Object.keys(IN_WORDS) as RejectionReason[];

const rounded = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
