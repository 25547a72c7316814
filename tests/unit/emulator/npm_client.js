// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
// SPDX-License-Identifier: GPL-3.0-or-later

// Makes the calls that it reads, one JSON object a line, with Datadog's client for Node.js, and
// writes what the client makes of each answer: {value, unparsed} or {status, body}.
// Arguments: the directory of the package, the address of the emulator.

"use strict";

const path = require("path");
const readline = require("readline");

const [directory, address] = process.argv.slice(2);
const { client, v2 } = require(directory);
const models = path.join(directory, "dist/packages/datadog-api-client-v2/models");
const { ObjectSerializer } = require(path.join(models, "ObjectSerializer.js"));

const configuration = client.createConfiguration({
  baseServer: new client.BaseServerConfiguration(address, {}),
  authMethods: { apiKeyAuth: "api", appKeyAuth: "app" },
});

// Where in a value the client met something that its models do not know.
function unparsed(value, at) {
  if (value === null || typeof value !== "object") {
    return [];
  }
  const here = value._unparsed ? [at] : [];
  return here.concat(...Object.entries(value).map(([key, item]) => unparsed(item, `${at}/${key}`)));
}

async function call({ api, method, parameters, model, body }) {
  if (model) {
    parameters.body = ObjectSerializer.deserialize(body, model, "");
    const unknown = unparsed(parameters.body, "body");
    if (unknown.length) {
      return { value: null, unparsed: unknown };
    }
  }
  try {
    const instance = new v2[api](configuration);
    // A method without parameters takes the configuration in their place.
    const value = await (parameters ? instance[method](parameters) : instance[method]());
    return { value: value === undefined ? null : value, unparsed: unparsed(value, "") };
  } catch (error) {
    if (error.code === undefined) {
      throw error;
    }
    return { status: error.code, body: error.body };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await call(JSON.parse(line))) + "\n");
  }
}

main();
