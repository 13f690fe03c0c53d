// The columns of the SWAT paper's Table 1 (Fu et al. 2025, arXiv 2502.18845), by their position; Titans' Table 1 has the same.

export interface PaperTableColumn {
  readonly key: string;
  readonly title: string;
  /** Perplexities are printed as they are, accuracies in percent. */
  readonly unit: 'perplexity' | 'percent';
  readonly averaged: boolean;
}

/** Position in this list = `PaperColumn.order` of the task that fills the column = position in `baselines/published/*.json`. */
export const PAPER_COLUMNS: readonly PaperTableColumn[] = [
  { key: 'wiki_ppl', title: 'Wiki ppl', unit: 'perplexity', averaged: false },
  { key: 'lmb_ppl', title: 'LMB ppl', unit: 'perplexity', averaged: false },
  { key: 'lmb_acc', title: 'LMB acc', unit: 'percent', averaged: true },
  { key: 'piqa', title: 'PIQA', unit: 'percent', averaged: true },
  { key: 'hella_acc_n', title: 'Hella acc_n', unit: 'percent', averaged: true },
  { key: 'wino', title: 'Wino', unit: 'percent', averaged: true },
  { key: 'arc_e', title: 'ARC-e', unit: 'percent', averaged: true },
  { key: 'arc_c_acc_n', title: 'ARC-c acc_n', unit: 'percent', averaged: true },
  { key: 'siqa', title: 'SIQA', unit: 'percent', averaged: true },
  { key: 'boolq', title: 'BoolQ', unit: 'percent', averaged: true },
];
