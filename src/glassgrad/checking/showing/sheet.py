"""How the page of a report looks, on top of the style of every document: code beside what it is."""

from __future__ import annotations

__all__ = ["SHEET"]

SHEET = """
html{background:#fff;color-scheme:light dark;-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0}
.gg-check{--gg-bad:#fdecea;--gg-bad-line:#b3261e;--gg-mono:ui-monospace,'SF Mono','Cascadia Mono','Noto Sans Mono',
'D2Coding','DejaVu Sans Mono',monospace;max-width:80rem;margin:0 auto;padding:1.2rem clamp(1rem,4vw,2.5rem) 3rem}
.gg-check header p{max-width:none}.gg-check a{color:var(--gg-accent)}
.gg-check .gg-name{margin:0;color:var(--gg-accent);font-weight:650;letter-spacing:.02em;font-size:.95rem}
.gg-check h3{font-size:1rem;margin:1.1rem 0 .3rem}
.gg-check code,.gg-check pre{font-family:var(--gg-mono);font-size:.86rem;line-height:1.55;tab-size:4}
.gg-check .gg-verdict{display:flex;gap:.7rem;align-items:baseline;margin:0;padding:.8rem 1.1rem;border-radius:10px;
font-size:1.13rem;font-weight:600;border-left:5px solid;max-width:none}
.gg-check .gg-how{color:var(--gg-quiet);font-size:.9rem;margin:.5rem 0 1.4rem}
.gg-check .gg-verdict.right{background:var(--gg-rule);border-color:var(--gg-rule-line)}
.gg-check .gg-verdict.notice{background:var(--gg-warn);border-color:var(--gg-warn-line)}
.gg-check .gg-verdict.wrong{background:var(--gg-bad);border-color:var(--gg-bad-line)}
.gg-check .gg-mark{display:inline-block;min-width:1.1em;font-weight:700}
.right>.gg-mark{color:var(--gg-rule-line)}.notice>.gg-mark{color:var(--gg-warn-line)}
.wrong>.gg-mark,.follows>.gg-mark{color:var(--gg-bad-line)}
.gg-check .gg-diff{margin:.4rem 0;padding:.5rem 0;border:1px solid var(--gg-line);border-radius:8px;overflow-x:auto;
background:var(--gg-ground)}
.gg-check .gg-diff>*{display:block;padding:.12rem .9rem .12rem 2rem;text-indent:-1.2rem;white-space:pre-wrap;
text-decoration:none;overflow-wrap:anywhere;word-break:normal}
.gg-check .gg-diff>del{background:var(--gg-bad)}.gg-check .gg-diff>ins{background:var(--gg-rule)}
.gg-check .gg-diff>code{padding-left:.9rem;text-indent:0}
.gg-check .gg-diff i{display:inline-block;width:1.2rem;text-indent:0;font-style:normal;color:var(--gg-quiet);
user-select:none}
.gg-check .gg-diff b{text-indent:0;border-bottom:2px solid}
.gg-check .gg-diff del b{border-color:var(--gg-bad-line)}.gg-check .gg-diff ins b{border-color:var(--gg-rule-line)}
.gg-check .gg-pair{display:flex;flex-wrap:wrap;gap:.4rem 1.6rem;margin:.8rem 0 .3rem}
.gg-check .gg-pair figure{margin:0;max-width:100%}
.gg-check .gg-pair figcaption{margin:0 0 .3rem;font-weight:600;color:inherit}
.gg-check .gg-matrix td,.gg-check .gg-matrix th{padding:.28rem .65rem;text-align:right;
font-variant-numeric:tabular-nums}
.gg-check .gg-matrix th{font-weight:400;color:var(--gg-quiet);font-family:var(--gg-mono);font-size:.78rem}
.gg-check .gg-matrix tbody th{border-bottom:0;border-right:1px solid var(--gg-line)}
.gg-check td.gg-off{background:var(--gg-bad);color:var(--gg-bad-line)}
.gg-check td.gg-worst{font-weight:700;box-shadow:inset 0 0 0 2px var(--gg-bad-line)}
.gg-check .gg-numbers summary{font-size:.9rem;padding:.3rem 0;color:var(--gg-quiet)}
.gg-check .gg-numbers pre{max-height:20rem;overflow:auto;margin:.3rem 0;padding:.7rem .9rem;border-radius:8px;
background:var(--gg-soft)}
.gg-check .gg-one{border-top:1px solid var(--gg-line)}
.gg-check .gg-listing{width:100%;table-layout:fixed}
.gg-check .gg-listing th:first-child,.gg-check .gg-listing td:first-child{width:3.4rem;text-align:right;
padding-right:.5rem}
.gg-check .gg-listing th:nth-child(2),.gg-check .gg-listing td:nth-child(2){width:1.9rem;padding:.42rem .2rem}
.gg-check .gg-listing th:nth-child(3){width:56%}
.gg-check .gg-listing td{white-space:normal;overflow-wrap:anywhere;scroll-margin-top:4rem}
.gg-check .gg-listing td:first-child{font:.8rem/1.7 var(--gg-mono);color:var(--gg-quiet);user-select:none}
.gg-check .gg-listing code{display:block;white-space:pre-wrap;word-break:normal}
.gg-check .gg-listing tbody tr+tr td{border-top:0}
.gg-check .gg-listing tr.gg-gap td{border-top:1px dashed var(--gg-line)!important}
.gg-check .gg-listing tr.plain .gg-what{color:var(--gg-quiet)}
.gg-check .gg-listing tr.wrong td{background:var(--gg-bad)}
.gg-check .gg-listing tr.wrong td:first-child{box-shadow:inset 4px 0 var(--gg-bad-line)}
.gg-check .gg-listing tr.follows td:first-child{box-shadow:inset 4px 0 color-mix(in srgb,var(--gg-bad-line) 40%,
transparent)}
.gg-check .gg-listing tr:target td{outline:1px solid var(--gg-accent);outline-offset:-1px}
.gg-check .gg-what p{margin:0;max-width:none;font-size:.93rem}
.gg-check .gg-what .gg-many{margin:.1rem 0;padding:0;list-style:none;font-size:.93rem}
.gg-check .gg-what summary{padding:.1rem 0;font-size:.88rem;color:var(--gg-quiet);margin-left:1.1rem}
.gg-check .gg-legend{color:var(--gg-quiet);font-size:.88rem}.gg-check .gg-legend>span{margin-right:1.3rem}
.gg-check .gg-params td{white-space:normal}.gg-check .gg-params .gg-says{min-width:min(12rem,46vw)}
.gg-check footer{color:var(--gg-quiet);font-size:.85rem;border-top:1px solid var(--gg-line);padding-top:.8rem}
@media (max-width:640px){.gg-check .gg-listing thead{display:none}
.gg-check .gg-listing tr{display:grid;grid-template-columns:2.6rem 1.4rem minmax(0,1fr)}
.gg-check .gg-listing td:first-child,.gg-check .gg-listing td:nth-child(2){width:auto}
.gg-check .gg-listing td:nth-child(3){padding-left:.2rem}
.gg-check .gg-listing td.gg-what{grid-column:3;padding:0 .5rem .5rem .2rem}
.gg-check .gg-listing tr.gg-gap td{border-top:0!important}
.gg-check .gg-listing tr.wrong{background:var(--gg-bad)}}
@media screen and (prefers-color-scheme:dark){html{background:#15171c}
.gg-check{--gg-bad:#3a1a18;--gg-bad-line:#ff8f7d}}
@media print{@page{margin:16mm 14mm}.gg-check{padding:0}.gg-check .gg-numbers{display:none}
.gg-check .gg-diff,.gg-check .gg-pair,.gg-check .gg-verdict{break-inside:avoid}}
"""
"""Every rule but those of the page itself is below ``.gg-check``; the states are classes of their own."""
