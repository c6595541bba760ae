/** Where relays and their peers are: the whole world in seven parts. */
export const REGIONS = [
  'asia',
  'north-america',
  'south-america',
  'europe',
  'africa',
  'oceania',
  'middle-east',
] as const;
export type Region = (typeof REGIONS)[number];

/** As people read them. */
export const REGION_NAMES: Readonly<Record<Region, string>> = {
  asia: 'Asia',
  'north-america': 'North America',
  'south-america': 'South America',
  europe: 'Europe',
  africa: 'Africa',
  oceania: 'Oceania',
  'middle-east': 'Middle East',
};

/** The other regions by how far the network usually goes to them: along the cables, not over the map. */
const NEIGHBOURS: Readonly<Record<Region, readonly Region[]>> = {
  asia: ['oceania', 'middle-east', 'europe', 'north-america', 'africa', 'south-america'],
  'north-america': ['europe', 'south-america', 'asia', 'oceania', 'middle-east', 'africa'],
  'south-america': ['north-america', 'europe', 'africa', 'oceania', 'asia', 'middle-east'],
  europe: ['middle-east', 'africa', 'north-america', 'asia', 'south-america', 'oceania'],
  africa: ['europe', 'middle-east', 'asia', 'south-america', 'north-america', 'oceania'],
  oceania: ['asia', 'north-america', 'middle-east', 'europe', 'south-america', 'africa'],
  'middle-east': ['europe', 'asia', 'africa', 'north-america', 'oceania', 'south-america'],
};

export const isRegion = (value: string): value is Region => (REGIONS as readonly string[]).includes(value);

/** All seven regions, `region` first, then the others from near to far. */
export const regionsFrom = (region: Region): readonly Region[] => [region, ...NEIGHBOURS[region]];

/**
 * A copy of `places` from near to far, seen from `from`: those of its own region first, then its neighbours', then
 * those of no region on the map. The order within a region stays.
 */
export function nearestFirst<Place extends { readonly region: string }>(
  places: readonly Place[],
  from: string,
): Place[] {
  const order: readonly string[] = isRegion(from) ? regionsFrom(from) : [from];
  const distance = ({ region }: Place): number => {
    const index = order.indexOf(region);
    return index === -1 ? order.length : index;
  };
  return [...places].sort((a, b) => distance(a) - distance(b));
}

/** What is shown for a region; a name that is not on the map (`local`) stays as it is. */
export const regionName = (region: string): string => (isRegion(region) ? REGION_NAMES[region] : region);
