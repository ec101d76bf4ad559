"""What the shop declares in conf/: sources, rules, features, tags, attributes, offers."""
