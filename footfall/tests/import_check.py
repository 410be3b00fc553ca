"""Counts a `combined` server log as an import must count it, from the raw log and with Python's standard library alone.

It implements the design (the words, the fold, the import) independently, to be compared with the program's output and
read beside the program. It does not apply the crowd rule: its sums are exact. It counts robots like people.

    python3 import_check.py LOG [--shift DAYS] [--zone ZONE] [--skip LINES] [--take LINES]

prints one JSON object:

    lines, malformed, refused {reason: lines}, stored      every line has one of these fates
    total {visits, visitors, pageviews, bounces, seconds}  summed over days: a visitor is one for each day
    days {date: the same}
    pages {path: pageviews, visitors, visits, entries, exits}
    errors {name: events, visitors}

--skip and --take choose lines of the file, for a log that is imported in parts. Each part is its own round, and rounds
are counted separately.
"""

import argparse
import collections
import datetime
import gzip
import ipaddress
import json
import re
import sys
import urllib.parse
import zoneinfo

VISIT_GAP_S = 30 * 60
PATH_CHARS_MAX = 512
ASSETS = frozenset(
    "css js map json xml txt ico png jpg jpeg gif svg webp avif woff woff2 ttf eot otf mp3 mp4 webm zip gz tgz pdf rss"
    " atom".split()
)
MONTHS = {name: n + 1 for n, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}

QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(
    r"(?P<address>\S+) \S+ [^\[]*\[(?P<day>\d\d)/(?P<month>\w{3})/(?P<year>\d{4}):(?P<clock>\d\d:\d\d:\d\d)"
    r" (?P<offset>[+-]\d{4})\] " + QUOTED + r" (?P<status>\d{3}) (?:\d+|-) " + QUOTED + " " + QUOTED + "(?: .*)?"
)
REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/\d(?:\.\d)?)?")

# One line that is counted: a page view, or an error with its name.
Event = collections.namedtuple("Event", "time_s day tag path error")


def read_lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        text = file.read().decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").split("\n") if text else []


# ---- a line's fate ---------------------------------------------------------------------------------------------------


def fate_of(line, shift_days, zone):
    """An Event, or why the line is not counted. Checked in order: syntax, method, error status, status, asset."""
    match = LINE.fullmatch(line.rstrip())
    request = match and REQUEST.fullmatch(match[7])
    moment = request and moment_of(match, shift_days)
    if not moment:
        return "malformed"
    if request["method"] != "GET":
        return "method"
    status, path = match["status"], raw_path(request["target"])
    is_error = status in ("404", "410") or status.startswith("5")
    if not is_error:
        if status not in ("200", "304"):
            return "status"
        if is_asset(path):
            return "asset"
    local = moment.astimezone(zone)
    # A tag belongs to one local date, because the salt does. Two browsers differ by prefix or user agent.
    tag = (local.date(), prefix(match["address"]), match[10] or "")
    return Event(int(moment.timestamp()), local.date(), tag, clean(path), status if is_error else None)


def moment_of(match, shift_days):
    try:
        day = f"{match['year']}-{MONTHS[match['month']]:02}-{match['day']}"
        moment = datetime.datetime.strptime(f"{day} {match['clock']} {match['offset']}", "%Y-%m-%d %H:%M:%S %z")
    except (KeyError, ValueError):
        return None
    return moment + datetime.timedelta(days=shift_days)


def raw_path(target):
    if not target.startswith("/") and "://" in target:
        target = urllib.parse.urlsplit(target).path or "/"
    return re.split("[?#]", target, maxsplit=1)[0]


def is_asset(path):
    name = path.rpartition("/")[2]
    return "." in name and name.rpartition(".")[2].lower() in ASSETS


def prefix(address):
    """The prefix of an address: its /24 or its /48. A text that is no address has none."""
    try:
        address = ipaddress.ip_address(address)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)


def clean(path):
    """The path, percent-decoded up to three times, without control characters, cut to 512 characters.

    Masking of e-mails, tokens, cards and phone numbers is not implemented: `main` refuses a log that needs it.
    """
    for _ in range(3):
        path, before = urllib.parse.unquote(path, errors="replace"), path
        if path == before:
            break
    path = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    path = "".join(c for c in path.strip() if not is_control(c))
    return ("/" + path.removeprefix("/"))[:PATH_CHARS_MAX]


def is_control(c):
    return ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0


# ---- visits ----------------------------------------------------------------------------------------------------------


class Visit:
    """Page views of one tag, each at most half an hour after the one before."""

    def __init__(self, view):
        self.start_s = self.last_s = view.time_s
        self.entry = self.exit = view.path
        self.views = 1

    def takes(self, event):
        return event.time_s - self.last_s <= VISIT_GAP_S

    def add(self, view):
        self.views += 1
        if view.time_s > self.last_s:
            self.last_s, self.exit = view.time_s, view.path


def fold(events):
    """Sums over all events of one round. Events of equal times keep the order of the file."""
    days = collections.defaultdict(collections.Counter)
    pages = collections.defaultdict(collections.Counter)
    errors = collections.defaultdict(collections.Counter)
    visits = collections.defaultdict(list)  # tag -> its visits
    seen = set()  # what is counted once per tag or once per visit

    def first(*fact):
        is_first = fact not in seen
        seen.add(fact)
        return is_first

    for event in sorted(events, key=lambda event: event.time_s):  # Python's sort is stable
        if event.error:
            # An error does not start or change a visit.
            errors[event.error]["events"] += 1
            errors[event.error]["visitors"] += first("error", event.tag, event.error)
            continue
        own = visits[event.tag]
        if own and own[-1].takes(event):
            own[-1].add(event)
        else:
            own.append(Visit(event))
        pages[event.path]["pageviews"] += 1
        pages[event.path]["visitors"] += first("page", event.tag, event.path)
        pages[event.path]["visits"] += first("page of visit", event.tag, event.path, len(own))

    for tag, own in visits.items():
        day = days[tag[0].isoformat()]
        day["visitors"] += 1
        for visit in own:
            day["visits"] += 1
            day["pageviews"] += visit.views
            day["bounces"] += visit.views == 1
            day["seconds"] += visit.last_s - visit.start_s
            pages[visit.entry]["entries"] += 1
            pages[visit.exit]["exits"] += 1
    return days, pages, errors


# ---- the answer ------------------------------------------------------------------------------------------------------

TOTALS = ("visits", "visitors", "pageviews", "bounces", "seconds")
OF_PAGES = ("pageviews", "visitors", "visits", "entries", "exits")
OF_ERRORS = ("events", "visitors")


def check(lines, shift_days, zone):
    fates = [fate_of(line, shift_days, zone) for line in lines]
    events = [fate for fate in fates if isinstance(fate, Event)]
    reasons = collections.Counter(fate for fate in fates if isinstance(fate, str))
    days, pages, errors = fold(events)
    total = sum((collections.Counter(day) for day in days.values()), collections.Counter())
    return {
        "lines": len(lines),
        "malformed": reasons.pop("malformed", 0),
        "refused": dict(sorted(reasons.items())),
        "stored": len(events),
        "total": chosen(TOTALS, total),
        "days": {day: chosen(TOTALS, days[day]) for day in sorted(days)},
        "pages": {path: chosen(OF_PAGES, sums) for path, sums in by_size(pages, "pageviews")},
        "errors": {name: chosen(OF_ERRORS, sums) for name, sums in by_size(errors, "events")},
    }


def chosen(names, sums):
    return {name: sums[name] for name in names}


def by_size(table, measure):
    return sorted(table.items(), key=lambda item: (-item[1][measure], item[0]))


def main():
    args = argparse.ArgumentParser(description="Counts LOG as an import must count it.")
    args.add_argument("log")
    args.add_argument("--shift", type=int, default=0, metavar="DAYS")
    args.add_argument("--zone", default="UTC")
    args.add_argument("--skip", type=int, default=0, metavar="LINES")
    args.add_argument("--take", type=int, metavar="LINES")
    args = args.parse_args()
    lines = read_lines(args.log)[args.skip :][: args.take]
    maskable = [line for line in lines if re.search(r'"[A-Z]+ [^ ?"]*(@|%40|[0-9]{9})', line)]
    if maskable:
        sys.exit(f"{len(maskable)} paths may need masking, which this script does not implement: {maskable[0]}")
    json.dump(check(lines, args.shift, zoneinfo.ZoneInfo(args.zone)), sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
