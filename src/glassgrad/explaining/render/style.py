"""How pages look: one style sheet for report and notebook, on screens of any width, in light, dark and print."""

from __future__ import annotations

__all__ = ["DOCUMENT", "PAGE"]

_FONT = (
    "system-ui,-apple-system,'Segoe UI','Noto Sans','Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR',"
    "'Noto Sans CJK KR',sans-serif"
)

DOCUMENT = f"""
.gg-doc{{--gg-ink:#16181d;--gg-quiet:#5b616b;--gg-ground:#ffffff;--gg-soft:#f4f5f7;--gg-line:#dfe2e7;
--gg-accent:#00628f;--gg-rule:#e8f3ee;--gg-rule-line:#00805c;--gg-warn:#fdf1e3;--gg-warn-line:#b15e00;
color:var(--gg-ink);font:16px/1.65 {_FONT};word-break:keep-all;overflow-wrap:anywhere}}
.gg-doc *{{box-sizing:border-box}}
.gg-doc h1{{font-size:clamp(1.5rem,4.5vw,2.1rem);line-height:1.25;letter-spacing:-.015em;margin:.2rem 0 1rem;
text-wrap:balance}}
.gg-doc h2{{display:inline;font-size:1.25rem;line-height:1.35;letter-spacing:-.01em;margin:0}}
.gg-doc section{{margin:0 0 1.25rem;border-top:1px solid var(--gg-line);scroll-margin-top:.5rem}}
.gg-doc summary{{cursor:pointer;padding:.9rem 0 .5rem;list-style-position:outside;margin-left:1.1rem}}
.gg-doc summary::marker{{color:var(--gg-quiet);font-size:.9rem}}
.gg-doc summary:focus-visible,.gg-doc [tabindex]:focus-visible,.gg-doc a:focus-visible{{
outline:2px solid var(--gg-accent);outline-offset:2px;border-radius:4px}}
.gg-doc p{{margin:.55rem 0;max-width:44rem}}
.gg-doc .gg-note{{border-left:4px solid var(--gg-rule-line);background:var(--gg-rule);padding:.6rem .9rem;
border-radius:0 8px 8px 0;margin:.7rem 0}}
.gg-doc .gg-note b{{display:block;font-size:.8rem;letter-spacing:.02em;color:var(--gg-rule-line)}}
.gg-doc .gg-rule+.gg-rule{{margin-top:-.7rem;padding-top:0;border-top-right-radius:0}}
.gg-doc .gg-rule:has(+.gg-rule){{border-bottom-right-radius:0}}
.gg-doc .gg-rule+.gg-rule b{{display:none}}
.gg-doc .gg-warning{{border-color:var(--gg-warn-line);background:var(--gg-warn)}}
.gg-doc .gg-warning b{{color:var(--gg-warn-line)}}
.gg-doc figure{{margin:1rem 0;padding:0}}
.gg-doc figcaption{{color:var(--gg-quiet);font-size:.9rem;margin:.4rem 0 0;max-width:44rem}}
.gg-doc .gg-scroll{{overflow-x:auto;max-width:100%;border:1px solid var(--gg-line);border-radius:8px}}
.gg-doc .gg-picture{{width:fit-content;display:flex;flex-wrap:wrap;background:var(--gg-ground)}}
.gg-doc .gg-picture div{{width:calc(var(--gg-width)*1.25);max-width:100%}}
.gg-doc .gg-picture svg{{display:block;height:auto;width:100%}}
.gg-doc .gg-wide{{width:min(100%,calc(var(--gg-width)*1.25))}}
.gg-doc .gg-wide div{{width:max(100%,calc(var(--gg-width)*.92));max-width:none;flex:none}}
.gg-doc .gg-table{{width:fit-content}}
.gg-doc .gg-tall{{max-height:36rem;overflow:auto}}
.gg-doc table{{border-collapse:separate;border-spacing:0;font-size:15px;line-height:1.45;margin:0}}
.gg-doc th,.gg-doc td{{padding:.42rem .8rem;text-align:left;vertical-align:top;border:0;background:var(--gg-ground)}}
.gg-doc th{{position:sticky;top:0;background:var(--gg-soft);font-weight:600;font-size:.87rem;white-space:nowrap;
border-bottom:1px solid var(--gg-line);z-index:1}}
.gg-doc tbody tr+tr td{{border-top:1px solid var(--gg-line)}}
.gg-doc tfoot td{{position:sticky;bottom:0;border-top:2px solid var(--gg-ink);font-weight:650}}
.gg-doc td.gg-right,.gg-doc th.gg-right{{text-align:right;font-variant-numeric:tabular-nums}}
.gg-doc td{{white-space:nowrap;overflow-wrap:normal}}
.gg-doc td.gg-long{{white-space:normal;min-width:min(16rem,46vw)}}
.gg-doc .gg-n{{font-size:0;white-space:nowrap;font-variant-numeric:tabular-nums}}
.gg-doc .gg-n::before{{content:attr(data-n);font-size:15px}}
.gg-doc .gg-formula{{overflow-x:auto;padding:.8rem 1rem;margin:.7rem 0;border-radius:8px;background:var(--gg-soft)}}
.gg-doc .gg-formula+.gg-formula{{margin-top:-.7rem;padding-top:.25rem;border-top-left-radius:0;
border-top-right-radius:0}}
.gg-doc .gg-formula:has(+.gg-formula){{border-bottom-left-radius:0;border-bottom-right-radius:0;padding-bottom:.3rem}}
.gg-doc .gg-formula math{{font-size:1.12rem;text-align:left;margin:0;width:max-content}}
.gg-doc .gg-plain{{font:1rem/1.6 'Cambria Math','STIX Two Math','Noto Sans Math',{_FONT};white-space:pre-wrap}}
.gg-doc .gg-formula span{{display:block;color:var(--gg-quiet);font-size:.9rem;margin-bottom:.35rem}}
.gg-doc .gg-answer{{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline;padding:.55rem .9rem;
border:1px solid var(--gg-line);border-radius:8px;width:fit-content;max-width:100%}}
.gg-doc .gg-answer .gg-n::before,.gg-doc .gg-answer output{{font-weight:650}}
.gg-cell{{background:var(--gg-ground);border-radius:8px;padding:.6rem 1.1rem;font-size:14.5px}}
.gg-cell h2{{font-size:1.08rem}}.gg-cell section{{margin:0}}.gg-cell summary{{padding:.55rem 0 .35rem}}
@media (max-width:480px){{.gg-doc{{font-size:15.5px}}.gg-doc th,.gg-doc td{{padding:.38rem .55rem}}
.gg-doc .gg-wide div{{width:max(100%,calc(var(--gg-width)*.88))}}}}
@media screen and (prefers-color-scheme:dark){{.gg-doc{{--gg-ink:#eceef2;--gg-quiet:#a3a9b4;--gg-ground:#15171c;
--gg-soft:#1e2129;--gg-line:#333844;--gg-accent:#6cc0f2;--gg-rule:#132a24;--gg-rule-line:#4fd6a8;--gg-warn:#33240f;
--gg-warn-line:#f0b05a}}}}
@media print{{.gg-doc{{font-size:10.5pt}}.gg-doc details::details-content{{content-visibility:visible;
block-size:auto}}.gg-doc .gg-tall{{max-height:none}}.gg-doc .gg-scroll{{overflow:visible;border:0}}
.gg-doc .gg-wide div{{width:100%}}
.gg-doc .gg-broad{{page:gg-broad}}.gg-doc figure,.gg-doc .gg-note,.gg-doc tr,
.gg-doc .gg-formula{{break-inside:avoid}}.gg-doc summary{{list-style:none;break-after:avoid}}
.gg-doc th,.gg-doc tfoot td{{position:static}}}}
"""
"""For a document anywhere; every rule is below ``.gg-doc``."""

PAGE = """
html{background:#fff;color-scheme:light dark;-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0}
.gg-page{display:grid;grid-template-columns:minmax(0,1fr);gap:0 3rem;max-width:82rem;margin:0 auto;
padding:1.2rem clamp(1rem,4vw,2.5rem) 3rem}
.gg-page header{grid-column:1/-1}
.gg-page header p{margin:0;color:var(--gg-accent);font-weight:650;letter-spacing:.02em;font-size:.95rem}
.gg-page nav{font-size:.93rem;margin:0 0 1.2rem;padding:.7rem 1rem;background:var(--gg-soft);border-radius:8px;
align-self:start}
.gg-page nav b{font-size:.8rem;color:var(--gg-quiet)}
.gg-page nav ol{margin:.25rem 0 0;padding:0;list-style:none}
.gg-page nav a{display:block;padding:.22rem 0;color:var(--gg-ink);text-decoration:none}
.gg-page nav a:hover{color:var(--gg-accent);text-decoration:underline}
.gg-page footer{grid-column:1/-1;color:var(--gg-quiet);font-size:.85rem;border-top:1px solid var(--gg-line);
padding-top:.8rem}
@media (min-width:64rem){.gg-page{grid-template-columns:14rem minmax(0,1fr)}.gg-page nav{position:sticky;top:1rem;
max-height:calc(100vh - 2rem);overflow:auto}.gg-page main section:first-child{border-top:0}
.gg-page main section:first-child summary{padding-top:.2rem}}
@media screen and (prefers-color-scheme:dark){html{background:#15171c}}
@media print{@page{margin:16mm 14mm}@page gg-broad{size:landscape}
.gg-page{display:block;padding:0}.gg-page nav{display:none}}
"""
"""For a page that is a document and nothing else."""
