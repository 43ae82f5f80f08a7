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
  /** How often the files are looked at, in ms. */
  lookEveryMs?: number;
}

const dayMs = 86_400_000;
/** A certificate that expires sooner is warned of, once per day, in ms. */
const warnBeforeMs = 14 * dayMs;
/** Files that could not be used are tried again after this time, in ms, also where they look the same. */
const retryMs = 60_000;

/**
 * The certificate that clients are given, read again when its files change. What cannot be used leaves
 * the one before in use.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #now: () => number;
  readonly #looking: NodeJS.Timeout;
  readonly #changed: (() => void)[] = [];
  #current: UsableCertificate;
  /** How the files looked when they were last read, and at the last look. */
  #read: string;
  #seen: string;
  #failedAt: number | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Reads one after another, so that the last to be asked for is the last to count. */
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
    // not a watch of the file system: that of a file ends when another takes its name, and a symbolic
    // link to a folder, as Kubernetes has it, changes without an event of the file
    this.#looking = setInterval(() => void this.#look(), options.lookEveryMs ?? 2_000);
    this.#looking.unref();
  }

  get current(): UsableCertificate {
    return this.#current;
  }

  /** Calls `act` with each certificate that takes the place of another. */
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
    // before the files are read: a change meanwhile is one more
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
    // a slow file system is not asked twice
    if (!this.#looked) return;
    this.#looked = false;
    const look = await lookOf(this.#options);
    this.#looked = true;
    // both files are written before either counts
    const settled = look === this.#seen;
    this.#seen = look;
    const failedLongAgo = this.#failedAt !== undefined && this.#now() - this.#failedAt > retryMs;
    if (settled && (look !== this.#read || failedLongAgo)) await this.reload();
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

/** How both files look, through symbolic links; another text when either is replaced or written. */
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
