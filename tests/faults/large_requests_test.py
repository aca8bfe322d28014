"""Clients that send much and give up, many of them at once, and bodies nobody asked for: memory comes back."""
import pathlib
import socket
import unittest

from tenure_process import Server, make_telco_project, temporary_folder

MEGABYTE = 1024 * 1024


def resident_megabytes(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmRSS")


def head(path, length, *more):
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}", *more)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class LargeRequests(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")

    def client(self, server):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.addCleanup(client.close)
        return client

    def begin(self, server, length):
        """A client whose body the server waits for: it said so."""
        client = self.client(server)
        client.sendall(head("/predict", length, "Expect: 100-continue"))
        self.assertIn(b"100 Continue", client.recv(4096))
        return client

    def open_connections(self, server):
        status, text = server.request("GET", "/metrics")
        self.assertEqual(status, 200)
        line = next(line for line in text.splitlines() if line.startswith("tenure_http_connections_open "))
        return int(float(line.split()[1]))

    def test_memory_comes_back_when_clients_give_up(self):
        with Server(self.project) as server:
            server.request("GET", "/health")
            before = resident_megabytes(server)
            clients = [self.begin(server, 63 * MEGABYTE) for _ in range(4)]
            for client in clients:
                client.sendall(b"x" * 62 * MEGABYTE)
            self.assertGreater(resident_megabytes(server), before + 100, "the bodies should be in memory by now")
            for client in clients:
                client.close()
            while self.open_connections(server) > 1:  # the one that asks
                pass
            # A connection counts as closed a moment before its buffers go.
            for _ in range(1000):
                if resident_megabytes(server) < before + 50:
                    break
                server.request("GET", "/health")
            self.assertLess(resident_megabytes(server), before + 50)

    def test_all_bodies_together_have_a_limit(self):
        with Server(self.project, "--set", "serving.bodies_max=100MiB") as server:
            first = self.begin(server, 60 * MEGABYTE)
            second = self.client(server)
            second.sendall(head("/predict", 60 * MEGABYTE))
            answer = second.recv(4096).decode()
            self.assertTrue(answer.startswith("HTTP/1.1 503 "), answer)
            self.assertIn("Retry-After: 1", answer)
            self.assertEqual(server.request("GET", "/health")[0], 200)
            first.close()
            while self.open_connections(server) > 1:
                second.close()
            self.begin(server, 60 * MEGABYTE)

    def test_a_body_nobody_asked_for_is_not_read(self):
        with Server(self.project) as server:
            client = self.client(server)
            client.sendall(head("/nope", 60 * MEGABYTE))
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 404 "))


if __name__ == "__main__":
    unittest.main()
