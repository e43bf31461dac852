"""A CA of the test's own and certificates by it, made by openssl when they are needed."""
import os
import subprocess
import tempfile

from cluster import Skip


def openssl(*arguments):
    try:
        result = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Skip("there is no openssl") from None
    assert result.returncode == 0, (arguments, result.stderr)


class Authority:
    """A CA in a folder: `ca` is its certificate."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=test authority " + name, "-keyout", self.key, "-out", self.ca)

    def issue(self, name, hosts="IP:127.0.0.1,DNS:localhost", expired=False):
        """Returns (certificate, key). Both replace what lies there in one step each, the key first."""
        certificate = os.path.join(self.folder, name + ".pem")
        key = os.path.join(self.folder, name + ".key")
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            def path(file):
                return os.path.join(work, file)
            with open(path("extensions"), "w", encoding="ascii") as file:
                file.write("subjectAltName=" + hosts + "\n")
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=" + name, "-keyout", path("key"), "-out", path("request"))
            if expired:
                # `openssl x509` makes no certificate that ends before it begins; `ca` takes both dates.
                for file, text in (("index", ""), ("serial", "01\n"),
                                   ("config", "[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\n"
                                              "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
                                              % (path("index"), path("serial"), work))):
                    with open(path(file), "w", encoding="ascii") as out:
                        out.write(text)
                openssl("ca", "-batch", "-config", path("config"), "-cert", self.ca, "-keyfile", self.key,
                        "-in", path("request"), "-out", path("certificate"), "-notext", "-extfile", path("extensions"),
                        "-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
            else:
                openssl("x509", "-req", "-in", path("request"), "-CA", self.ca, "-CAkey", self.key,
                        "-set_serial", "0x" + os.urandom(8).hex(), "-days", "1", "-extfile", path("extensions"),
                        "-out", path("certificate"))
            os.replace(path("key"), key)
            os.replace(path("certificate"), certificate)
        return certificate, key
