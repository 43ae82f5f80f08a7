import type { ReactNode } from 'react';
import { Tabs as AriaTabs, Tab, TabList, TabPanel } from 'react-aria-components';
import styles from './tabs.module.css';

export interface TabContent<Id extends string> {
  id: Id;
  name: string;
  content: ReactNode;
}

/** Tabs, one of which is shown. With `printed`, all are printed. */
export function Tabs<Id extends string>(props: {
  label: string;
  tabs: TabContent<Id>[];
  selected: Id;
  onSelect: (id: Id) => void;
  printed?: boolean;
}) {
  const { label, tabs, selected, onSelect, printed = false } = props;
  return (
    <AriaTabs
      selectedKey={selected}
      onSelectionChange={(id) => onSelect(id as Id)}
      className={styles.tabs ?? ''}
    >
      <TabList aria-label={label} className={styles.list ?? ''}>
        {tabs.map(({ id, name }) => (
          <Tab key={id} id={id} className={styles.tab ?? ''}>
            {name}
          </Tab>
        ))}
      </TabList>
      {tabs.map(({ id, content }) => (
        <TabPanel key={id} id={id} shouldForceMount={printed} className={styles.panel ?? ''}>
          {content}
        </TabPanel>
      ))}
    </AriaTabs>
  );
}
