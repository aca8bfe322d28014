"""Walks through MLflow's pages: browse.py ADDRESS FACTS PICTURES. Ends with 1 and says what was wrong."""
import json
import pathlib
import sys

from playwright.sync_api import sync_playwright

address, facts, pictures = sys.argv[1], json.loads(sys.argv[2]), pathlib.Path(sys.argv[3])
pictures.mkdir(parents=True, exist_ok=True)
experiment, (first, second) = facts["experiment"], facts["runs"]
both = f"runs=[%22{first}%22,%22{second}%22]&experiments=[%22{experiment}%22]"
# Page, its address, and what must be readable on it.
PAGES = [
    ("home", "", ["churn of spring"]),
    ("runs", f"#/experiments/{experiment}/runs", ["shallow", "deep"]),
    ("charts", f"#/experiments/{experiment}/runs?compareRunsMode=CHART", ["auc"]),
    ("run", f"#/experiments/{experiment}/runs/{first}", ["shallow", "depth"]),
    ("metrics", f"#/experiments/{experiment}/runs/{first}/model-metrics", ["auc"]),
    ("artifacts", f"#/experiments/{experiment}/runs/{first}/artifacts", ["notes"]),
    ("compare", f"#/compare-runs?{both}", ["shallow", "deep", "depth"]),
    ("models", "#/models", ["telco-churn"]),
    ("model", "#/models/telco-churn", ["Who will leave"]),
    ("version", "#/models/telco-churn/versions/2", ["telco-churn"]),
]
if facts["major"] >= 3:  # before, the home page lists them
    PAGES.append(("experiments", "#/experiments", ["churn of spring"]))
wrong = []

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"])
    for name, path, texts in PAGES:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.on("console", lambda m, n=name: m.type == "error" and wrong.append(f"{n}: console: {m.text}"))
        page.on("pageerror", lambda e, n=name: wrong.append(f"{n}: exception: {e}"))
        page.on("response", lambda r, n=name: r.status >= 400 and r.url.startswith(address)
                and wrong.append(f"{n}: {r.status} {r.request.method} {r.url} {r.request.post_data or ''}"))
        # What is not ours (fonts, telemetry) cannot be reached, and need not be.
        page.route("**/*", lambda route: route.continue_() if route.request.url.startswith((address, "data:", "blob:"))
                   else route.fulfill(status=204))
        page.goto(f"{address}/{path}")
        for text in texts:
            try:
                page.get_by_text(text).first.wait_for(timeout=30_000)
            except Exception:
                wrong.append(f"{name}: {text!r} is not shown")
        page.wait_for_timeout(1500)  # charts draw and polls come back
        page.screenshot(path=pictures / f"{name}.png")
        page.close()
    browser.close()

print("\n".join(wrong))
sys.exit(1 if wrong else 0)
