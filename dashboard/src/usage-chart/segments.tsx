import { useId } from 'react';
import styles from './segments.module.css';

/** An option's name, and a detail that is shown if there is room. */
export interface Segment {
  name: string;
  detail?: string;
}

/** A choice between a few options, side by side. */
export function Segments<Value extends string>(props: {
  legend: string;
  options: Record<Value, Segment>;
  value: Value;
  onChange: (value: Value) => void;
}) {
  const { legend, options, value, onChange } = props;
  const group = useId();
  return (
    <fieldset className={styles.segments}>
      <legend className="visually-hidden">{legend}</legend>
      {(Object.entries(options) as [Value, Segment][]).map(([option, { name, detail }]) => (
        <label key={option} className={styles.segment}>
          <input
            type="radio"
            name={group}
            aria-label={detail && `${name}, ${detail}`}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          {name}
          {detail && <span className={styles.detail}>, {detail}</span>}
        </label>
      ))}
    </fieldset>
  );
}
