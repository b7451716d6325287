"""The page of 'pipeline show' as a process: in Chromium, under load, and to its end by Ctrl-C."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
from PIL import Image

import command_line
import hostile
from conftest import ROOT
from pipeline.disk import imageset
from pipeline.showing import uploads
from served import request

pytestmark = pytest.mark.browser
ONE_LINE = 200  # characters


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory):
    """A folder with the model and the originals, two pictures, and a page of HTML that is called one."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(finished / "runs/tiny/model", folder / "runs/tiny/model")
    shutil.copytree(finished / "data/raw/tiny", folder / "data/raw/tiny")
    index, pack = imageset.read_originals(folder / "data/raw/tiny")
    for number, file in enumerate(index[index.split == "test"].file[:2]):
        (folder / f"{number}.bmp").write_bytes(pack.read(file))
    (folder / "page.jpg").write_text("<!DOCTYPE html><script>alert(1)</script>", encoding="utf-8")
    return folder


def start(folder):
    """Start 'pipeline show'; return the process and its port when it answers."""
    words = [sys.executable, "-m", "pipeline", "show", "--port", "0"]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=folder, env=surroundings, stdout=subprocess.PIPE, encoding="utf-8")
    for line in process.stdout:
        if "http://127.0.0.1:" in line:
            return process, int(line.split("http://127.0.0.1:")[1].split("/")[0])
    raise AssertionError(f"ended with {process.wait()}")


@pytest.fixture(scope="module")
def live(project):
    process, port = start(project)
    yield process, port
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.fixture
def open_page(live):
    """Return a function that opens the page in a window of some width."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: make test-browser does")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("no Chromium here, or no chromedriver")
    opened = []

    def page(width, theme="light"):
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):  # in a container, as root
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        opened.append(window)
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        window.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
        window.get(f"http://127.0.0.1:{live[1]}/")
        return window

    yield page
    for window in opened:
        window.quit()


def until(window, element):
    """Wait until an element is shown; return its text."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(window, 60).until(
        lambda _: find(window, element).is_displayed() and find(window, element).text
    )


def find(window, element):
    return window.find_element("css selector", element)


def texts(window, elements):
    return [element.text for element in window.find_elements("css selector", elements)]


def test_an_upload_gets_the_answer_of_predict_and_a_wrong_file_its_reason(open_page, project, monkeypatch):
    monkeypatch.chdir(project)
    (row,) = map(json.loads, command_line.run("predict", "0.bmp", "--format", "jsonl").splitlines()[-1:])
    window = open_page(1200)
    find(window, "#file").send_keys(str(project / "0.bmp"))
    best = row["top"][0]
    assert until(window, "#result") and find(window, "#said").text == f"{best['class']}, {best['probability']:.1%}"
    expected = [f"{one['class']} {one['probability']:.1%}" for one in row["top"]]
    assert [line.replace("\n", " ") for line in texts(window, "#top li")] == expected
    assert len(window.find_elements("css selector", "article")) == 3
    drawn = (
        "return [...document.querySelectorAll('article img')].map(i => i.complete && i.naturalWidth > 0 && i.alt > '')"
    )
    assert window.execute_script(drawn) == [True] * 9
    assert window.get_log("browser") == []  # the policy has stopped nothing
    find(window, "#file").send_keys(str(project / "page.jpg"))
    assert until(window, "#error").startswith("page.jpg: this is no picture of a format that is taken: JPEG")
    assert not find(window, "#result").is_displayed() and find(window, "#error").get_attribute("role") == "alert"
    find(window, "#file").send_keys(str(project / "1.bmp"))
    assert until(window, "#result") and not find(window, "#error").is_displayed()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_is_answered_for(open_page, kind):
    window = open_page(1200)
    window.execute_script(
        """const [kind, place] = arguments, data = new DataTransfer();
        const draw = document.createElement("canvas");
        draw.width = draw.height = 90;
        draw.toBlob((blob) => {
          data.items.add(new File([blob], "mine.png", { type: "image/png" }));
          const event = kind === "drop" ? new DragEvent(kind, { dataTransfer: data, bubbles: true })
            : new ClipboardEvent(kind, { clipboardData: data, bubbles: true });
          document.querySelector("h1").dispatchEvent(event);
        });""",
        kind,
    )
    assert until(window, "#result") and find(window, "#status").text == "mine.png"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_an_example_by_the_keyboard_alone_and_nothing_is_wider_than_the_screen(open_page, theme):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    window = open_page(390, theme)
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    assert window.execute_script(wide) == [390, 390]
    ActionChains(window).send_keys(Keys.TAB).perform()
    assert window.switch_to.active_element.get_attribute("id") == "file"
    ActionChains(window).send_keys(Keys.TAB, Keys.TAB, Keys.ENTER).perform()
    assert window.switch_to.active_element.get_attribute("aria-pressed") == "true"
    assert until(window, "#result") and find(window, "#status").text.startswith("an example of ")
    assert "That is " in find(window, "#agreement").text
    assert window.execute_script(wide) == [390, 390]
    assert find(window, "#said").rect["y"] - window.execute_script("return scrollY") < 0.6 * 844
    back = window.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (theme == "light")


def test_when_the_server_has_ended_the_page_says_so(open_page, live):
    window = open_page(1200)
    window.execute_script("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    find(window, "[data-example]").click()
    assert "no answer: does 'pipeline show' still run?" in until(window, "#error")


def at_once(port, bodies):
    """Send all bodies at the same time; return the answers in their order."""
    answers = [None] * len(bodies)

    def send(number):
        answers[number] = request(port, "/answer", bodies[number])

    threads = [threading.Thread(target=send, args=[number]) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def load(port, picture):
    """Twenty good and ten hostile uploads at once, beside a slow client; return the statuses."""
    bad = hostile.uploads(picture)
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
        slow.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n123")
        answers = at_once(port, [picture] * 20) + at_once(port, [body for body, _ in bad.values()])
        cut_off = slow.recv(65536)
    assert cut_off.startswith(b"HTTP/1.1 408 ") and time.monotonic() - begin < uploads.PATIENCE + 60
    for status, headers, content in answers:
        said = json.loads(content)
        assert said["top"] if status == 200 else "\n" not in said["error"] and len(said["error"]) < ONE_LINE, said
        assert (status == 503) == ("Retry-After" in headers)
    statuses = [status for status, _, _ in answers]
    assert set(statuses[:20]) <= {200, 503} and statuses[:20].count(200) >= 10
    assert all(status in (expected, 503) for status, (_, expected) in zip(statuses[20:], bad.values(), strict=True))
    return statuses


def test_under_load_it_stays_up_and_its_memory_comes_back(live, project, record_property):
    process, port = live
    picture = (project / "0.bmp").read_bytes()
    used = psutil.Process(process.pid)
    large = project / "large.png"
    Image.new("RGB", (8000, 7900), "green").save(large)
    held = []
    for _ in range(3):
        assert request(port, "/answer", large.read_bytes())[0] == 200
        statuses = load(port, picture)
        assert request(port, "/answer", picture)[0] == 200
        held.append(used.memory_info().rss / 1e6)
    record_property("MB after each round", held)
    print(f"MB after each round: {held}; statuses of the last: {statuses}; threads: {used.num_threads()}")
    assert held[2] < held[0] + 60, held
    assert process.poll() is None and len(used.net_connections()) <= 3


def test_ctrl_c_ends_it_quietly_and_frees_its_port(project):
    process, port = start(project)
    with socket.create_connection(("127.0.0.1", port)):  # a client that says nothing holds nothing up
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and said == ""
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
