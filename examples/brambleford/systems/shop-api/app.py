"""The order service of Brambleford Freight: quotes, shipments and labels.

It is written with the mistakes that a small firm really makes (see the README of the example), so that the scanners
of the example have something true to say. Do not deploy it.
"""

import hashlib
import os
import sqlite3
import subprocess

import requests
import yaml
from flask import Flask, abort, jsonify, request

DATABASE = os.environ.get("SHOP_DATABASE", "/tmp/shop.sqlite")
LABEL_SERVER = os.environ.get("SHOP_LABEL_SERVER", "http://labels.depot.brambleford.example")

app = Flask(__name__)


def connection():
    database = sqlite3.connect(DATABASE)
    database.row_factory = sqlite3.Row
    return database


def create_tables():
    with connection() as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS shipment (reference TEXT PRIMARY KEY, customer TEXT, depot TEXT, pallets INTEGER)"
        )
        database.executemany(
            "INSERT OR IGNORE INTO shipment VALUES (?, ?, ?, ?)",
            [("BF-1001", "Heath & Daughters", "north", 4), ("BF-1002", "Quarry Lane Brewery", "south", 11)],
        )


@app.get("/api/health")
def health():
    return jsonify(service="shop-api", version="1.7.0")


@app.get("/api/shipments")
def shipments():
    # Built by hand: a reference from the query string ends up inside the statement.
    query = "SELECT * FROM shipment WHERE reference LIKE '%s%%'" % request.args.get("reference", "")
    with connection() as database:
        return jsonify([dict(row) for row in database.execute(query)])


@app.post("/api/quotes/import")
def import_quotes():
    # Depots send their tariff as YAML. The loader builds Python objects from it.
    tariff = yaml.load(request.get_data(), Loader=yaml.Loader)
    if not isinstance(tariff, dict):
        abort(400)
    return jsonify(depots=sorted(tariff))


@app.post("/api/labels/<reference>")
def print_label(reference):
    fingerprint = hashlib.md5(reference.encode()).hexdigest()
    # The certificate of the label printers expired in 2021, so checking was switched off.
    answer = requests.post(LABEL_SERVER + "/print", json={"reference": reference}, verify=False)
    return jsonify(reference=reference, fingerprint=fingerprint, status=answer.status_code)


@app.get("/api/route")
def route():
    host = request.args.get("depot", "localhost")
    return subprocess.run("getent hosts " + host, shell=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    create_tables()
    app.run(host="127.0.0.1", port=8000)
