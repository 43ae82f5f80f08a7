import styles from './choice.module.css';

/** A choice between a few options; starts with `initial`, or the first one. */
export function Choice(props: {
  legend: string;
  name: string;
  options: { value: string; name: string; hint?: string }[];
  initial?: string;
  onChange?: (value: string) => void;
}) {
  const { legend, name, options, initial = options[0]?.value, onChange } = props;
  return (
    <fieldset className={styles.choice}>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.option}>
          <input
            type="radio"
            name={name}
            value={option.value}
            defaultChecked={option.value === initial}
            onChange={() => onChange?.(option.value)}
          />
          <span>
            <span className={styles.name}>{option.name}</span>
            {option.hint && <span className={styles.hint}>{option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
