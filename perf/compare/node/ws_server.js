// The broadcast of the ws README: whoever connects by /publish tells all others.
'use strict';
const { WebSocket, WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]) });
server.on('connection', (socket, request) => {
  if (request.url !== '/publish') return;
  server.clients.delete(socket);
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});
