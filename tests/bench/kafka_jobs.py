"""The two jobs of the Kafka figures and of the Kafka chaos: what deploy/jobs/fraud-alert-kafka.yaml does, and a copy."""

HEAD = """version: 1
name: %(name)s
parallelism: %(parallelism)d
guarantee: exactly_once
checkpoint: {interval: %(interval)s%(checkpoint)s}
%(restart)s
sources:
"""
SINK = """    brokers: "%(brokers)s"
    topic: %(output)s
    transaction_timeout: %(transaction_timeout)s
"""
FRAUD = HEAD + """  transactions:
    type: kafka
    brokers: "%(brokers)s"
    topics: [%(input)s]
    start: earliest
%(stop)s    format: {type: json, on_error: fail}
    schema: {user: string not null, amount: "decimal(12,2)", ts: timestamp not null}
    event_time: {field: ts, max_delay: 5s}

operators:
  per_user:
    type: window_aggregate
    input: transactions
    key_by: [user]
    window: {tumbling: 1m}
    aggregate: {tx_count: count(*)}
  suspicious: {type: filter, input: per_user, where: tx_count > 10}
  alert: {type: select, input: suspicious, fields: {user: user, window_start: window_start, tx_count: tx_count}}

sinks:
  alerts:
    type: kafka
    input: alert
    key: user
    format: {type: json}
""" + SINK
PASS = HEAD + """  lines:
    type: kafka
    brokers: "%(brokers)s"
    topics: [%(input)s]
    start: earliest
%(stop)s    format: {type: raw}

sinks:
  copy:
    type: kafka
    input: lines
    format: {type: raw}
""" + SINK


def text(form, name, brokers, source, sink, interval, parallelism=2, bounded=False, checkpoint="", restart="",
         transaction_timeout="10m"):
    return form % {
        "name": name, "brokers": brokers, "input": source, "output": sink, "interval": interval,
        "parallelism": parallelism, "stop": "    stop: latest\n" if bounded else "",
        "checkpoint": ", " + checkpoint if checkpoint else "", "transaction_timeout": transaction_timeout,
        "restart": "restart: {%s}\n" % restart if restart else ""}
