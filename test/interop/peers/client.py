"""A client on Debian's python3-websockets.

usage: client.py URL VERSION OPTIONS; actions come as JSON lines on standard input, events leave on standard output.
"""
import asyncio
import base64
import json
import os
import ssl
import sys

import websockets


def tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def receive(socket):
    try:
        async for message in socket:
            kind = "text" if isinstance(message, str) else "binary"
            data = message.encode() if isinstance(message, str) else message
            tell(event=kind, data=base64.b64encode(data).decode())
    except websockets.ConnectionClosed:
        pass
    tell(event="close", code=socket.close_code, reason=socket.close_reason)
    tell(event="end")
    os._exit(0)


async def await_pong(waiter, data):
    await waiter
    tell(event="pong", data=data)


async def act(socket, action, tasks):
    data = base64.b64decode(action.get("data", ""))
    do = action["do"]
    if do == "text":
        await socket.send(data.decode())
    elif do == "binary":
        await socket.send(data)
    elif do == "ping":
        tasks.append(asyncio.create_task(await_pong(await socket.ping(data), action["data"])))
    elif do == "fragments":
        parts = [base64.b64decode(part) for part in action["parts"]]
        await socket.send([part.decode() for part in parts])
    elif do == "close":
        tasks.append(asyncio.create_task(socket.close(action.get("code", 1000), action.get("reason", ""))))


async def main(url, options):
    context = None
    if url.startswith("wss:"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        socket = await websockets.connect(
            url,
            ssl=context,
            origin=options.get("origin"),
            subprotocols=options.get("protocols"),
            compression="deflate" if options.get("deflate") else None,
            max_size=None,
        )
    except Exception as error:
        tell(event="error", message=str(error))
        os._exit(1)
    tell(
        event="open",
        subprotocol=socket.subprotocol,
        extensions=socket.response_headers.get("Sec-WebSocket-Extensions"),
    )
    tasks = [asyncio.create_task(receive(socket))]
    while line := await asyncio.to_thread(sys.stdin.readline):
        await act(socket, json.loads(line), tasks)
    await tasks[0]


asyncio.run(main(sys.argv[1], json.loads(sys.argv[3])))
