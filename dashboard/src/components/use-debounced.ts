import { useEffect, useState } from 'react';

/** The value after it has stayed the same for `ms`, so that typing does not send a request per keystroke. */
export function useDebounced<Value>(value: Value, ms = 250): Value {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
