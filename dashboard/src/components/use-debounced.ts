import { useEffect, useState } from 'react';

/** The value, once it has stayed the same for `ms`: what is typed asks for nothing until it rests. */
export function useDebounced<Value>(value: Value, ms = 250): Value {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
