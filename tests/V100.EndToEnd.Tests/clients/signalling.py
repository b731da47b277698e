"""What the Python clients share: arguments, WHIP and WHEP over HTTP, JSON lines out, commands in."""

import argparse
import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("role", choices=["publish", "play"])
    parser.add_argument("--url", required=True, help="the WHIP or WHEP endpoint")
    parser.add_argument("--token", required=True)
    parser.add_argument("--codec", default="vp8", choices=["vp8", "h264"])
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=180)
    parser.add_argument("--fps", type=int, default=15)
    return parser.parse_args()


def emit(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


class Session:
    """One WHIP or WHEP session: POST, then DELETE."""

    def __init__(self, url, token):
        self.url = url
        self.token = token
        self.location = None

    def post(self, offer):
        """Returns the answer; `began` is the time of the POST."""
        self.began = time.monotonic()
        response, body = self._request("POST", self.url, offer, "application/sdp")
        if response.status != 201:
            raise RuntimeError(f"POST {self.url}: {response.status} {body}")
        self.location = urllib.parse.urljoin(self.url, response.headers["Location"])
        return body

    def elapsed_ms(self):
        return (time.monotonic() - self.began) * 1000

    def path(self):
        return urllib.parse.urlparse(self.location).path

    def delete(self):
        response, _ = self._request("DELETE", self.location, None, None)
        return response.status

    def _request(self, method, url, body, content_type):
        headers = {"Authorization": f"Bearer {self.token}"}
        if content_type:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(url, data=body.encode() if body else None, headers=headers, method=method)
        # Never through a proxy: the server is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=15) as response:
                return response, response.read().decode()
        except urllib.error.HTTPError as error:
            return error, error.read().decode()


def on_stop(action):
    """Calls `action` once, on another thread, at the line `stop` or at the end of standard input."""

    def read():
        for line in sys.stdin:
            if line.strip() == "stop":
                break
        action()

    threading.Thread(target=read, daemon=True).start()


class Picture:
    """Tells a moving picture from a still or black one by samples of each frame's luma."""

    def __init__(self):
        self.frames = 0
        self.changes = 0
        self.brightest = 0
        self.last = None

    def add(self, luma):
        sample = bytes(luma[:: max(1, len(luma) // 4096)])
        self.frames += 1
        self.brightest = max(self.brightest, max(sample))
        if self.last is not None and sample != self.last:
            self.changes += 1
        self.last = sample

    def fields(self):
        return {
            "moved": self.changes > 2,
            "black": self.brightest < 24,
            "changes": self.changes,
            "brightest": self.brightest,
        }
