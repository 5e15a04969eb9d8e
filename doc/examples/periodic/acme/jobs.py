from futurist import periodics


def sweep():
    print("swept", flush=True)


class Reports:
    @periodics.periodic(spacing=3600, run_immediately=True)
    def hourly(self):
        print("hourly report", flush=True)

    @periodics.periodic(spacing=86400)
    def daily(self):
        print("daily report", flush=True)

    @periodics.periodic(spacing=5)
    def debug(self):
        print("numbers", flush=True)
