import { Download } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { download } from '../data/export-events.ts';
import { Refusal } from '../data/refusal.ts';
import { useAnnounce } from '../layout/announcer.tsx';

/** Downloads a list as one CSV file, complete or not at all. */
export function CsvExport({ name, read }: { name: string; read: () => Promise<Blob> }) {
  const announce = useAnnounce();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  async function start() {
    setBusy(true);
    setRefusal(undefined);
    try {
      download([await read()], name);
      announce(`${name} downloaded.`);
    } catch (error) {
      setRefusal(error instanceof Refusal ? error : new Refusal('internal'));
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <div>
        <Button busy={busy} onClick={() => void start()}>
          {!busy && <Download size={18} aria-hidden />}
          Download CSV
        </Button>
      </div>
      {refusal && (
        <>
          <RefusalNotice reading refusal={refusal} />
          <p>
            No file was saved.{' '}
            <Button kind="link" onClick={() => void start()}>
              Try again
            </Button>
          </p>
        </>
      )}
    </>
  );
}
