"""Send a notification through oslo.messaging; its payload is JSON on standard input.

Usage: notify.py TRANSPORT_URL EXCHANGE TOPIC PRIORITY EVENT_TYPE
"""

import json
import sys

import oslo_messaging
from oslo_config import cfg

url, exchange, topic, priority, event_type = sys.argv[1:]
oslo_messaging.set_transport_defaults(exchange)
conf = cfg.ConfigOpts()
conf([])
transport = oslo_messaging.get_notification_transport(conf, url)
notifier = oslo_messaging.Notifier(transport, "trial", driver="messagingv2", topics=[topic])
getattr(notifier, priority)({}, event_type, json.load(sys.stdin))
transport.cleanup()
