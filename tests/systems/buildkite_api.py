"""The part of Buildkite's agent API that `annotate` and `meta-data` speak, to be asked by the real agent.

  buildkite_api.py LOG      prints its port, then appends a JSON line a request to LOG

Paths and bodies are those of the agent's own client: github.com/buildkite/agent/tree/v3.78.0/api (annotations.go,
meta_data.go). Without the token in $BUILDKITE_AGENT_ACCESS_TOKEN it answers 401.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = {}


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        action = self.path.split("/", 3)[3]
        allowed = self.headers.get("Authorization") == "Token " + os.environ["BUILDKITE_AGENT_ACCESS_TOKEN"]
        with open(sys.argv[1], "a", encoding="utf-8") as log:
            print(json.dumps({"action": action, "allowed": allowed, "body": body}), file=log)
        if not allowed:
            return self.answer(401, {"message": "Unauthorized"})
        if action == "data/set":
            DATA[body["key"]] = body["value"]
        elif action == "data/get":
            if body["key"] not in DATA:
                return self.answer(404, {"message": "No key"})
            return self.answer(200, {"key": body["key"], "value": DATA[body["key"]]})
        elif action == "data/exists":
            return self.answer(200, {"exists": body["key"] in DATA})
        elif action != "annotations":
            return self.answer(404, {"message": "Not Found"})
        return self.answer(200, {})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
print(server.server_port, flush=True)
server.serve_forever()
