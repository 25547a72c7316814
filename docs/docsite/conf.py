# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's configuration of the documentation site, which ``make docs`` builds."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "tidyops.datadog"
author = "TidyOps contributors (@tidyops)"
project_copyright = f"2026 {author}"

extensions = ["sphinx_antsibull_ext"]
nitpicky = True
highlight_language = "YAML+Jinja"
pygments_style = "ansible"

html_theme = "sphinx_ansible_theme"
html_title = "Datadog for Ansible"
html_short_title = html_title
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "documentation_home_url": "https://github.com/tidyops/ansible-collection-datadog",
    "topbar_links": {
        "Repository": "https://github.com/tidyops/ansible-collection-datadog",
        "Issues": "https://github.com/tidyops/ansible-collection-datadog/issues",
        "Ansible": "https://docs.ansible.com",
    },
}

# What generated pages refer to in Ansible's own documentation, instead of an inventory from the network.
ANSIBLE_PAGES = {
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def link_to_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """Resolve a reference to one of these pages."""
    page = ANSIBLE_PAGES.get(node["reftarget"])
    if page is None:
        return None
    address = f"https://docs.ansible.com/ansible/latest/{page}"
    return nodes.reference("", "", content, internal=False, refuri=address)


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", link_to_ansible)
