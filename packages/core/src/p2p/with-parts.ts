/**
 * `whole` with some of its parts replaced; the rest works on the original. For libp2p's components, which it hands
 * to its modules and whose own classes cannot be changed from outside.
 */
export function withParts<Whole extends object>(whole: Whole, parts: Partial<Whole>): Whole {
  return new Proxy(whole, {
    get(target, name) {
      if (Object.hasOwn(parts, name)) return parts[name as keyof Whole];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
