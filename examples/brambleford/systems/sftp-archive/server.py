"""The SSH drop of lab-archive: it greets, exchanges keys and refuses every login.

It exists so that a scanner meets the real banner and the real key exchange of the library version that is pinned in
requirements.txt. Nothing is stored.
"""

import collections
import collections.abc
import socket
import sys
import threading

# The library is older than Python 3.10, which dropped this name.
collections.MutableMapping = collections.abc.MutableMapping

import paramiko  # noqa: E402


class NoLogin(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey,password"


def serve(client, key):
    transport = paramiko.Transport(client)
    transport.add_server_key(key)
    try:
        transport.start_server(server=NoLogin())
        transport.join(20)
    except (EOFError, OSError, paramiko.SSHException):
        pass
    finally:
        transport.close()


def main(address, port, key_path):
    key = paramiko.RSAKey(filename=key_path)
    listener = socket.create_server((address, int(port)))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, key), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
