"""Google's services as their emulators play them, each a real process on this machine."""
