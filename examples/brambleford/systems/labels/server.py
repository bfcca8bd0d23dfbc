"""The label printer's web page in the depot (its own machine, whatever shares its address elsewhere)."""

import http.server
import sys


class Page(http.server.BaseHTTPRequestHandler):
    server_version = "LabelStation/3.2"
    sys_version = ""
    timeout = 3

    def do_GET(self):
        body = b"<!doctype html><title>Label station, north depot</title><h1>Printer ready</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Page).serve_forever()
