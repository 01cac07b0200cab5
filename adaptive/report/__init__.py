"""Reports from tables, dictionaries and sentences. Nothing of the rest of the package is imported here.

The chapters are in ``report.chapters``. ``render_report(content, output)`` writes ``report.html``,
``report.pdf``, ``report.json``, ``tables/*.csv`` and ``figures/*.svg``. ``content`` is a dictionary with

- ``meta``: ``study``, ``title``, ``subtitle``, ``designs``, ``scenarios``, ``subgroups``, ``arms``,
  ``benchmark`` (or ``None``), ``n_min``, ``n_max``, ``command``;
- ``labels``: ``metrics`` (name to ``label``, ``unit``, ``definition``), ``states``, ``reasons``;
- ``summary``: paragraphs, each ``text`` with a list ``items``; ``warnings``: sentences;
- frames ``headline``, ``designs``, ``scenarios``, ``scenario_settings``, ``design_settings``,
  ``parameters``, ``provenance``, ``files``, printed as they are;
- ``configs``: ``design``, ``scenario``, ``text``, ``sha256`` of each resolved configuration;
- ``tables``: tidy frames ``claims``, ``size``, ``stopping``, ``status``, ``allocation``, ``estimation``,
  ``paired``, ``convergence`` with columns ``scenario, design, metric, level, look, subgroup, arm,
  estimate, mcse, lower, upper, n, m, text``, and plain frames ``failures``, ``splits``, ``distribution``.
"""

from adaptive.report.writing import render_report as render_report
