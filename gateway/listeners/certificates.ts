import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import {
  type CertificateFiles,
  CertificateUnusable,
  readCertificate,
  type UsableCertificate,
} from './certificate-files.ts';

export interface CertificatesOptions extends CertificateFiles {
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** The host's clock, in ms since 1970. */
  hostNow?: () => number;
  /** How often the files are checked, in ms. */
  lookEveryMs?: number;
}

const dayMs = 86_400_000;
/** A certificate that expires sooner raises a warning once per day, in ms. */
const warnBeforeMs = 14 * dayMs;
/** Unusable files are tried again after this time, in ms, even if they have not changed. */
const retryMs = 60_000;

/**
 * The certificate that clients get, read again when its files change. If the new files cannot be
 * used, the old certificate stays in use.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #now: () => number;
  readonly #looking: NodeJS.Timeout;
  readonly #changed: (() => void)[] = [];
  #current: UsableCertificate;
  /** The state of the files when they were last read, and at the last check. */
  #read: string;
  #seen: string;
  #failedAt: number | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Reads run one after another, so that the last one requested decides. */
  #reading: Promise<unknown> = Promise.resolve();
  #looked = true;

  /** Reads the files for the first time. Rejects with `CertificateUnusable`. */
  static async open(options: CertificatesOptions): Promise<Certificates> {
    const look = await lookOf(options);
    const first = await readCertificate(options, (options.hostNow ?? Date.now)());
    return new Certificates(options, first, look);
  }

  private constructor(options: CertificatesOptions, first: UsableCertificate, look: string) {
    this.#options = options;
    this.#now = options.hostNow ?? Date.now;
    this.#current = first;
    this.#read = look;
    this.#seen = look;
    this.#use(first);
    // not a file system watch: the watch of a file ends when the file is replaced, and a symbolic
    // link to a folder, as in Kubernetes, changes without an event for the file
    this.#looking = setInterval(() => void this.#look(), options.lookEveryMs ?? 2_000);
    this.#looking.unref();
  }

  get current(): UsableCertificate {
    return this.#current;
  }

  /** Calls `act` whenever a certificate replaces another. */
  onChange(act: () => void): void {
    this.#changed.push(act);
  }

  /** Reads the files again. Resolves with whether they can be used; never rejects. */
  reload(): Promise<boolean> {
    const reload = this.#reading.then(() => this.#reload());
    this.#reading = reload;
    return reload;
  }

  close(): void {
    clearInterval(this.#looking);
  }

  async #reload(): Promise<boolean> {
    // before the files are read, so that a change meanwhile is seen at the next check
    this.#read = await lookOf(this.#options);
    try {
      this.#use(await readCertificate(this.#options, this.#now()));
      for (const act of this.#changed) act();
      this.#failedAt = undefined;
      return true;
    } catch (error) {
      this.#failedAt = this.#now();
      const { code, file } =
        error instanceof CertificateUnusable ? error : { code: 'internal', file: undefined };
      const { message: reason } = error as Error;
      const { fingerprint } = this.#current;
      this.#options.log.error({ code, file, reason, fingerprint }, 'the old certificate stays');
      return false;
    }
  }

  #use(certificate: UsableCertificate): void {
    const { names, fingerprint, expiresAt } = certificate;
    const expires = new Date(expiresAt).toISOString();
    if (fingerprint !== this.#current.fingerprint) this.#warnedAt = Number.NEGATIVE_INFINITY;
    this.#current = certificate;
    this.#options.log.info({ names, fingerprint, expires }, 'certificate in use');
    this.#warn();
  }

  async #look(): Promise<void> {
    this.#warn();
    // only one check at a time on a slow file system
    if (!this.#looked) return;
    this.#looked = false;
    const look = await lookOf(this.#options);
    // wait until both files have been written
    const settled = look === this.#seen;
    this.#seen = look;
    const failedLongAgo = this.#failedAt !== undefined && this.#now() - this.#failedAt > retryMs;
    if (settled && (look !== this.#read || failedLongAgo)) await this.reload();
    // not before: a check during a slow retry would start another
    this.#looked = true;
  }

  #warn(): void {
    const now = this.#now();
    const { names, expiresAt } = this.#current;
    if (expiresAt - now >= warnBeforeMs || now - this.#warnedAt < dayMs) return;
    this.#warnedAt = now;
    const expires = new Date(expiresAt).toISOString();
    const days = Math.floor((expiresAt - now) / dayMs);
    this.#options.log.warn({ names, expires, days }, 'the certificate expires soon');
  }
}

/** The state of both files, through symbolic links; it changes if one is replaced or written. */
async function lookOf({ certificateFile, keyFile }: CertificateFiles): Promise<string> {
  const looks = [certificateFile, keyFile].map(async (file) => {
    try {
      const { dev, ino, size, mtimeMs } = await stat(file);
      return `${dev} ${ino} ${size} ${mtimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return (await Promise.all(looks)).join('\n');
}
