import { Component, type ReactNode } from 'react';
import { Broken } from './Screens';

/** A fault in the page shows words and a way on, never nothing. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}
