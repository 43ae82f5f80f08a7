import { Component, type ReactNode } from 'react';
import { Button } from '../components/button.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from './page.tsx';

/** Stands in for a page that could not be loaded, or broke. */
export class PageFailure extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Page title="This page could not be shown">
        <Notice kind="error">
          {navigator.onLine
            ? 'A part of it could not be loaded, or failed. There may be a newer version: load the page again.'
            : 'You are offline, and this page was not opened before. Load it again once you are back.'}
        </Notice>
        <div>
          <Button kind="primary" onClick={() => location.reload()}>
            Load again
          </Button>
        </div>
      </Page>
    );
  }
}
