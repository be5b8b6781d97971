// Leads a Node client's calls to the real Bluejay to the fake that HTTPS_PROXY names: fetch, https, and all that stands on
// them. NODE_OPTIONS=--require=…/node.cjs loads it before the client, which is not changed. `fake-bluejay serve --tls`
// speaks TLS on the port that it is a proxy on, so the connection is simply made there; name and trust are as ever.
"use strict";
const tls = require("node:tls");

const HOST = "api.getbluejay.ai";
const fake = new URL(process.env.HTTPS_PROXY || process.env.https_proxy || "http://127.0.0.1:8787");
const connect = tls.connect;

tls.connect = function (options, ...rest) {
  if (options && options.host === HOST && !options.socket) {
    const host = fake.hostname.replace(/^\[|\]$/g, "");
    options = { ...options, host, port: Number(fake.port || 80), servername: HOST };
  }
  return connect.call(this, options, ...rest);
};
