import type { ProjectConfig } from './project-config.ts';
import type { StackKeys } from './stack-keys.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Supervisor } from './supervisor.ts';

/** What each part needs to know about its stack. */
export interface Run {
  ephemeral: boolean;
  config: ProjectConfig;
  state: StateDirectory;
  keys: StackKeys;
  supervisor: Supervisor;
  report: (step: string) => void;
  /** The project's URL. */
  url: string;
}
