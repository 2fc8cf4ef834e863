/** Draws a view as aligned text for a terminal. */
import { styleText } from 'node:util';
import type { Cell, View } from './answer.ts';
import { neutralise } from './neutralise.ts';

const GAP = '  ';

export function renderView(view: View, color: boolean): string {
  const strong = (text: string): string => (color ? styleText('bold', text, { validateStream: false }) : text);
  switch (view.kind) {
    case 'text':
      return `${view.text}\n`;
    case 'fields': {
      const shown = view.fields.filter(([, value]) => value !== undefined);
      const width = Math.max(0, ...shown.map(([label]) => label.length));
      return shown.map(([label, value]) => `${strong(label.padEnd(width))}${GAP}${cellText(value)}\n`).join('');
    }
    case 'rows': {
      if (view.rows.length === 0) return '';
      const rows = view.rows.map((row) => row.map(cellText));
      const hasHeader = view.header !== false;
      const lines = hasHeader ? [view.columns.map((column) => column.toUpperCase()), ...rows] : rows;
      const widths = view.columns.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ''))));
      return lines
        .map((line, at) => {
          const text = line
            .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
            .join(GAP)
            .trimEnd();
          return `${hasHeader && at === 0 ? strong(text) : text}\n`;
        })
        .join('');
    }
  }
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-';
  if (typeof cell === 'object') return cell.length === 0 ? '-' : cell.map((part) => neutralise(String(part))).join(' ');
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return neutralise(String(cell));
}

/** In code points; wide characters of East Asia count as one. */
function width(text: string): number {
  return Array.from(text).length;
}
