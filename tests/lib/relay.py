# SPDX-License-Identifier: MIT
"""A relay in front of a real MySQL server, which can play dead or play a
Galera node without its cluster. It knows as much of the protocol as that
takes: where a packet ends and whether it begins a command."""

import asyncio
import enum
import threading

# of a packet: three bytes of length, one of its place in the exchange
HEADER_BYTES = 4
COM_QUERY = 0x03
COM_STMT_PREPARE = 0x16
COM_STMT_EXECUTE = 0x17
NOT_READY = (b"\xff" + (1047).to_bytes(2, "little") + b"#08S01"
             b"WSREP has not yet prepared node for application use")


class Mode(enum.Enum):
    """What a client meets."""
    SERVER = "the server"
    SILENT = "somebody who accepts and says nothing"
    NOT_READY = "a server that answers 1047 to whatever reads a table"


def reads_a_table(packet):
    """Whether a node without its cluster refuses it. It lets clients in, and
    does what they ask of their own session."""
    if packet[3] != 0 or len(packet) == HEADER_BYTES:  # a login goes on
        return False
    command, text = packet[HEADER_BYTES], packet[HEADER_BYTES + 1:]
    return (command in (COM_STMT_PREPARE, COM_STMT_EXECUTE) or
            command == COM_QUERY and not text.upper().startswith(b"SET"))


class Relay:
    """Listens on an address and port, until it is closed."""

    def __init__(self, address, port, server):
        self.address = address
        self.port = port
        self.server = server
        self._mode = Mode.SERVER
        self._clients = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._call(asyncio.start_server(self._serve, address, port))

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self._loop).result(10)

    def play(self, mode, hang_up):
        """Changes what clients meet: those that come from now on, and those
        that are there, unless these are hung up on."""
        self._call(self._play(mode, hang_up))

    async def _play(self, mode, hang_up):
        self._mode = mode
        if hang_up:
            self._hang_up()

    def _hang_up(self):
        for writer in self._clients:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._clients.add(writer)
        try:
            if self._mode is Mode.SILENT:
                await reader.read()
            else:
                await self._relay(reader, writer)
        except OSError:  # either side is gone
            pass
        finally:
            self._clients.remove(writer)
            writer.transport.abort()

    async def _relay(self, reader, writer):
        from_server, to_server = await asyncio.open_connection(*self.server)
        answers = asyncio.ensure_future(self._answers(from_server, writer))
        try:
            await self._requests(reader, writer, to_server)
        except asyncio.IncompleteReadError:  # the client is gone
            pass
        finally:
            answers.cancel()
            to_server.transport.abort()

    async def _requests(self, reader, writer, to_server):
        while True:
            packet = await reader.readexactly(HEADER_BYTES)
            packet += await reader.readexactly(
                int.from_bytes(packet[:3], "little"))
            if self._mode is Mode.NOT_READY and reads_a_table(packet):
                writer.write(len(NOT_READY).to_bytes(3, "little") + b"\x01" +
                             NOT_READY)
            else:
                to_server.write(packet)

    @staticmethod
    async def _answers(from_server, writer):
        try:
            while data := await from_server.read(65536):
                writer.write(data)
        except OSError:
            pass
        writer.transport.abort()

    async def _cancel(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self):
        """Hangs up on everybody and goes."""
        self._call(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
