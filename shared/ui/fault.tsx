/**
 * What a page shows in the place of a part of it that has failed: a fault of ours, or a file that a newer version of the
 * server no longer has. Everything around it stays usable.
 */
import { Component, type ReactNode } from 'react';
import { Button } from './button.tsx';
import { Empty } from './states.tsx';

interface FaultProps {
  /** Another one, such as that of another page, is a fresh try. */
  readonly place: string;
  readonly children: ReactNode;
}

interface FaultState {
  readonly place: string;
  readonly hasFailed: boolean;
}

/** React tells of failures only to a class. */
export class FaultBoundary extends Component<FaultProps, FaultState> {
  override state: FaultState = { place: '', hasFailed: false };

  static getDerivedStateFromError(): Partial<FaultState> {
    return { hasFailed: true };
  }

  static getDerivedStateFromProps({ place }: FaultProps, state: FaultState): FaultState {
    return place === state.place ? state : { place, hasFailed: false };
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="page" role="alert">
        <Empty
          title="This page could not be shown"
          actions={
            <Button
              kind="primary"
              onPress={() => {
                location.reload();
              }}
            >
              Reload the page
            </Button>
          }
        >
          The server may have been updated while the page was open. If it happens again after a reload, tell
          whoever runs this server.
        </Empty>
      </div>
    );
  }
}
