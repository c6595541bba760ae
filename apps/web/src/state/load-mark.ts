/** Tells whether an earlier tab died while it loaded a model, as phones let tabs do that grow too large. */
export interface LoadMark {
  /** Loads that ended a tab, since the last `forgive`. Takes note of one that did so before this page. */
  deaths(): number;
  /** A load begins: whoever finds this later knows that it did not end. */
  begin(): void;
  /** The load is over, well or badly; or the page is closed in the middle of it, which is no death. */
  end(): void;
  /** Starts from full size again. */
  forgive(): void;
}

/** Beyond this nothing more can be made smaller. */
export const MAX_DEATHS = 3;

const STORAGE_KEY = 'opengateway-load';

interface Kept {
  readonly v: 1;
  readonly loading: boolean;
  readonly deaths: number;
}

export function createLoadMark(storage: Pick<Storage, 'getItem' | 'setItem'>): LoadMark {
  /** This page's own load is no sign of another's death. */
  let mine = false;
  const write = (loading: boolean, deaths: number) => {
    try {
      storage.setItem(STORAGE_KEY, JSON.stringify({ v: 1, loading, deaths } satisfies Kept));
    } catch {
      // Full or forbidden storage: a death will go unnoticed.
    }
  };
  const deaths = () => {
    const kept = read(storage);
    if (!kept.loading || mine) return kept.deaths;
    const counted = Math.min(MAX_DEATHS, kept.deaths + 1);
    write(false, counted);
    return counted;
  };
  return {
    deaths,
    begin() {
      const before = deaths();
      mine = true;
      write(true, before);
    },
    end() {
      if (!mine) return;
      mine = false;
      write(false, read(storage).deaths);
    },
    forgive: () => write(mine, 0),
  };
}

function read(storage: Pick<Storage, 'getItem'>): Kept {
  const none: Kept = { v: 1, loading: false, deaths: 0 };
  try {
    const kept = JSON.parse(storage.getItem(STORAGE_KEY) ?? 'null') as Partial<Kept> | null;
    if (kept?.v !== 1 || typeof kept.loading !== 'boolean') return none;
    const known = Number.isSafeInteger(kept.deaths) && kept.deaths! >= 0 && kept.deaths! <= MAX_DEATHS;
    return { v: 1, loading: kept.loading, deaths: known ? kept.deaths! : 0 };
  } catch {
    // Something else wrote there: nothing is known of any load.
    return none;
  }
}
