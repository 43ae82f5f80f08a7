import { Component, type ReactNode } from 'react';
import { Button } from '../components/button.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from './page.tsx';

/** An error boundary: replaces a page that failed to load or to render. */
export class PageFailure extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Page title="This page could not be loaded">
        <Notice kind="error">
          {navigator.onLine
            ? 'Part of the page failed to load. There may be a newer version. Reload the page.'
            : 'You are offline, and this page has not been loaded before. Reload it when you are online again.'}
        </Notice>
        <div>
          <Button kind="primary" onClick={() => location.reload()}>
            Reload
          </Button>
        </div>
      </Page>
    );
  }
}
